use std::cell::RefCell;

use super::*;

const LIFETIME: Duration = Duration::from_secs(900);

/// Plays the rounds to their end; returns what came of it and the seconds at which was asked.
async fn play(
    interval: Option<f64>,
    extra: u32,
    mut script: impl FnMut(usize) -> Result<Round<&'static str>, SigninError>,
) -> (Result<&'static str, SigninError>, Vec<u64>) {
    let start = Instant::now();
    let asked = RefCell::new(Vec::new());
    let end = until_granted(Pace::new(interval, extra, LIFETIME), || {
        asked.borrow_mut().push(start.elapsed().as_secs());
        let answer = script(asked.borrow().len());
        async move { answer }
    });
    let end = end.await;
    (end, asked.into_inner())
}

fn unreached() -> SigninError {
    SigninError::Unreachable {
        host: "auth.example.org".to_owned(),
        reason: "refused".to_owned(),
    }
}

fn busy(seconds: Option<u64>) -> Round<&'static str> {
    Round::Busy {
        retry_after: seconds.map(Duration::from_secs),
        error: unreached(),
    }
}

#[tokio::test(start_paused = true)]
async fn asks_every_five_seconds_where_the_server_names_nothing() {
    let (end, asked) = play(None, 0, |number| {
        Ok(if number == 3 {
            Round::Granted("token")
        } else {
            Round::Pending
        })
    })
    .await;
    assert_eq!((end, asked), (Ok("token"), vec![5, 10, 15]));
}

#[tokio::test(start_paused = true)]
async fn a_code_that_nobody_types_is_asked_for_no_more_often_than_it_lives() {
    for (interval, most) in [
        (None, 181),
        (Some(1.0), 901),
        (Some(60.0), 16),
        (Some(7.0), 129),
    ] {
        let (end, asked) = play(interval, 0, |_| Ok(Round::Pending)).await;
        assert_eq!(end, Err(SigninError::TooLate));
        assert!(asked.len() <= most, "{interval:?}: {}", asked.len());
        assert!(asked.len() + 2 >= most, "{interval:?}: {}", asked.len());
        assert!(asked.last().is_some_and(|last| *last <= 900));
    }
}

#[tokio::test(start_paused = true)]
async fn an_interval_nobody_can_mean_is_brought_within_reason() {
    for (named, first) in [
        (0.0, 1),
        (-5.0, 1),
        (0.2, 1),
        (1e9, 60),
        (f64::INFINITY, 60),
        (f64::NAN, 5),
    ] {
        let (_, asked) = play(Some(named), 0, |_| Ok(Round::Granted("token"))).await;
        assert_eq!(asked, [first], "{named}");
    }
}

#[tokio::test(start_paused = true)]
async fn slow_down_adds_five_seconds_for_good() {
    let (_, asked) = play(Some(5.0), 0, |number| {
        Ok(match number {
            1 | 3 => Round::SlowDown(None),
            5 => Round::Granted("token"),
            _ => Round::Pending,
        })
    })
    .await;
    assert_eq!(asked, [5, 15, 25, 40, 55]);
}

#[tokio::test(start_paused = true)]
async fn slow_down_with_an_interval_takes_that_one_but_never_a_shorter() {
    let (_, asked) = play(Some(5.0), 3, |number| {
        Ok(match number {
            1 => Round::SlowDown(Some(10.0)),
            2 => Round::SlowDown(Some(0.0)),
            3 => Round::SlowDown(Some(1e9)),
            4 => Round::Granted("token"),
            _ => Round::Pending,
        })
    })
    .await;
    assert_eq!(asked, [8, 8 + 13, 8 + 13 + 13, 8 + 13 + 13 + 63]);
}

#[tokio::test(start_paused = true)]
async fn slow_down_for_ever_ends_with_the_code() {
    let (end, asked) = play(Some(1.0), 0, |_| Ok(Round::SlowDown(None))).await;
    assert_eq!(end, Err(SigninError::TooLate));
    // 1 + 6 + 11 + … + (1 + 5n) ≤ 900.
    assert_eq!(asked.len(), 19);
}

#[tokio::test(start_paused = true)]
async fn a_dead_network_is_asked_twice_as_rarely_each_time() {
    let (end, asked) = play(Some(5.0), 0, |number| {
        Ok(match number {
            1..=5 => Round::Unreached(unreached()),
            6 => Round::Pending,
            _ => Round::Granted("token"),
        })
    })
    .await;
    assert_eq!(end, Ok("token"));
    assert_eq!(asked, [5, 15, 35, 75, 135, 195, 200]);
}

#[tokio::test(start_paused = true)]
async fn a_server_without_time_is_left_alone_as_long_as_it_wants() {
    let (end, asked) = play(Some(5.0), 0, |number| {
        Ok(match number {
            1 => busy(Some(100)),
            2 => busy(None),
            _ => Round::Granted("token"),
        })
    })
    .await;
    assert_eq!((end, asked), (Ok("token"), vec![5, 105, 125]));
    let (end, asked) = play(None, 0, |_| Ok(busy(Some(86_400)))).await;
    assert_eq!((end, asked), (Err(unreached()), vec![5]));
}

#[tokio::test(start_paused = true)]
async fn what_is_final_ends_it_at_once() {
    let no = SigninError::Denied {
        provider: "Example".to_owned(),
        message: String::new(),
    };
    let (end, asked) = play(None, 0, |_| Err(no.clone())).await;
    assert_eq!((end, asked), (Err(no), vec![5]));
}
