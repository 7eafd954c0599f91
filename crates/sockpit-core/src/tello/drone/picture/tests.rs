use super::super::{Phase, Pose};
use super::*;

fn drone(number: u32, at: [f64; 3], yaw: f64) -> Glance {
    Glance {
        number,
        pose: Pose { at, yaw },
        phase: Phase::Flying,
        battery: 80,
        speed: [0.0; 3],
        pad: None,
        client: None,
        state_port: 8890,
        video_port: None,
    }
}

#[test]
fn two_views_show_where_the_drones_are() {
    let mut picture = Picture::new(&["m1@100,50".parse().unwrap()]);
    let drones = [
        drone(1, [0.0, 0.0, 80.0], 0.0),
        drone(2, [100.0, -100.0, 0.0], 90.0),
    ];
    let lines = picture.draw(&drones, 63, 9);
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn every_drone_is_in_the_picture_however_far_and_small() {
    for (columns, rows) in [(0, 0), (10, 3), (80, 12), (300, 60)] {
        let mut picture = Picture::new(&[]);
        let drones = [
            drone(1, [0.0; 3], 0.0),
            drone(2, [90_000.0, -90_000.0, 3000.0], -90.0),
        ];
        let text = picture.draw(&drones, columns, rows).join("\n");
        assert!(text.contains("1^") && text.contains("2<"), "{text}");
        assert!(text.is_ascii());
    }
}

#[test]
fn tracks_are_drawn_as_one_drawing() {
    let tracks = [
        (1, vec![[0.0; 3], [0.0, 0.0, 80.0], [300.0, 0.0, 80.0]]),
        (2, Vec::new()),
    ];
    let svg = draw_tracks(&tracks, &["m1@100,50".parse().unwrap()]);
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert!(svg.contains("m1") && svg.contains("<path"));
}
