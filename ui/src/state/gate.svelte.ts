/** Whether the page may call the engine at all. */
export class Gate {
  open = $state(false);
}
