// The tray window. Its scheme reaches the engine within the process and adds the management token
// there, so none ever comes into this code; news arrive through a channel of the shell.

import { Channel, invoke } from "@tauri-apps/api/core";

import type { Notice } from "./backend";
import type { Follow } from "./http";

/** Whether the page runs in byokey's own window. */
export function inWindow(): boolean {
  return location.protocol === "byokey-ui:" || location.hostname === "byokey-ui.localhost";
}

/** Follows news through the shell's only command. */
export const followByChannel: Follow = (onNotice, onLive) => {
  let following = true;
  const channel = new Channel<Notice>((notice) => {
    if (following) onNotice(notice);
  });
  invoke("follow", { channel }).then(
    () => onLive(true),
    () => onLive(false),
  );
  return () => {
    following = false;
  };
};
