use jiff::{SignedDuration, Timestamp};

/// Reads how far back something goes: `30d`, `12h`, `2w`, `90m`, a day or a moment.
pub(super) fn since(text: &str) -> Result<Timestamp, String> {
    let wrong = || "use 30d, 12h, 2w, 90m, 2026-11-21 or 2026-11-21T09:00:00Z".to_owned();
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    if let Ok(day) = text.parse::<jiff::civil::Date>() {
        let midnight = day.to_zoned(jiff::tz::TimeZone::UTC);
        return midnight.map(|zoned| zoned.timestamp()).map_err(|_| wrong());
    }
    let unit = text.chars().last().ok_or_else(wrong)?;
    let minutes = match unit {
        'm' => 1,
        'h' => 60,
        'd' => 60 * 24,
        'w' => 60 * 24 * 7,
        _ => return Err(wrong()),
    };
    let count: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    let back = SignedDuration::from_secs(i64::from(count) * minutes * 60);
    Timestamp::now().checked_sub(back).map_err(|_| wrong())
}

/// A moment as people read it: the distance, or the day if it is long ago.
pub(super) fn ago(moment: Option<Timestamp>) -> String {
    let Some(moment) = moment else {
        return "never".to_owned();
    };
    let minutes = Timestamp::now().duration_since(moment).as_mins();
    match minutes {
        ..1 => "just now".to_owned(),
        1..60 => format!("{minutes} min ago"),
        60..1440 => format!("{} h ago", minutes / 60),
        1440..43200 => format!("{} d ago", minutes / 1440),
        _ => moment.strftime("%Y-%m-%d").to_string(),
    }
}

/// A moment to come as people read it: the distance, or the day if it is far off.
pub(super) fn ahead(moment: Timestamp, now: Timestamp) -> String {
    let minutes = moment.duration_since(now).as_mins();
    match minutes {
        ..0 => "over".to_owned(),
        0 => "in a moment".to_owned(),
        1..120 => format!("in {minutes} min"),
        120..2880 => format!("in {} h", minutes / 60),
        2880..43200 => format!("in {} d", minutes / 1440),
        _ => moment.strftime("%Y-%m-%d").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_moments_are_read() {
        for (text, hours) in [
            ("30d", 720),
            ("12h", 12),
            ("2w", 336),
            ("90m", 1),
            ("0d", 0),
        ] {
            let moment = since(text).unwrap();
            let back = Timestamp::now().duration_since(moment);
            assert_eq!(back.as_hours(), hours, "{text}");
        }
        let day = since("2026-11-21").unwrap();
        assert_eq!(day, since("2026-11-21T00:00:00Z").unwrap());
        let now = since("2026-11-21").unwrap();
        for (minutes, text) in [
            (-1, "over"),
            (0, "in a moment"),
            (59, "in 59 min"),
            (180, "in 3 h"),
        ] {
            let moment = now + SignedDuration::from_mins(minutes);
            assert_eq!(ahead(moment, now), text);
        }
        for wrong in ["", "d", "30", "30y", "-3d", "4294967295w", "münze", "ü"] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }
}
