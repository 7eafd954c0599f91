use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn at(seconds: f64) -> Time {
    Time::ZERO + Duration::from_secs_f64(seconds)
}

#[test]
fn half_of_the_time_is_half_of_the_way() {
    let mut body = Body::new([0.0; 2], Time::ZERO);
    body.push(
        Leg::Straight {
            to: [100.0, 0.0, 50.0],
        },
        SECOND * 2,
    );
    body.advance(at(1.0), 1.0, true);
    assert_eq!(body.pose().at, [50.0, 0.0, 25.0]);
    assert_eq!(body.speed(), [50.0, 0.0, 25.0]);
    body.advance(at(2.0), 1.0, true);
    assert_eq!(body.pose().at, [100.0, 0.0, 50.0]);
    assert_eq!(body.speed(), [0.0; 3]);
}

#[test]
fn what_lies_ahead_depends_on_the_heading() {
    let pose = Pose {
        at: [0.0; 3],
        yaw: 90.0,
    };
    // Turned to the right, ahead is to the right of the room.
    assert_eq!(
        pose.place([100.0, 0.0, 0.0]).map(f64::round),
        [0.0, -100.0, 0.0]
    );
    assert_eq!(
        pose.place([0.0, 100.0, 0.0]).map(f64::round),
        [100.0, 0.0, 0.0]
    );
}

#[test]
fn a_circle_goes_through_its_three_points() {
    let (a, b, c) = ([0.0, 0.0, 80.0], [100.0, 100.0, 80.0], [200.0, 0.0, 80.0]);
    let circle = Circle::through(a, b, c).unwrap();
    assert_eq!(circle.radius.round(), 100.0);
    assert_eq!(circle.length().round(), 314.0);
    assert_eq!(circle.point(0.0).map(f64::round), a);
    assert_eq!(circle.point(0.5).map(f64::round), b);
    assert_eq!(circle.point(1.0).map(f64::round), c);
}

#[test]
fn points_on_a_line_make_no_circle() {
    assert!(Circle::through([0.0; 3], [50.0, 0.0, 0.0], [100.0, 0.0, 0.0]).is_none());
    assert!(Circle::through([0.0; 3], [0.0; 3], [100.0, 0.0, 0.0]).is_none());
}

#[test]
fn sticks_ahead_and_turning_fly_a_circle() {
    let mut body = Body::new([0.0; 2], Time::ZERO);
    body.steer([90.0, 0.0, 0.0, 90.0]);
    body.advance(at(1.0), 1.0, true);
    // A quarter of a circle to the right with a radius of 90 / (pi / 2).
    assert_eq!(body.pose().at.map(f64::round), [57.0, -57.0, 20.0]);
    body.advance(at(4.0), 1.0, true);
    assert_eq!(
        body.pose().at.map(|part| part.round().abs()),
        [0.0, 0.0, 20.0]
    );
    assert_eq!(body.pose().yaw.round().abs(), 0.0);
}

#[test]
fn angles_stay_within_half_a_turn() {
    for (degrees, normal) in [(0.0, 0.0), (190.0, -170.0), (-180.0, 180.0), (720.0, 0.0)] {
        assert_eq!(normal_angle(degrees), normal);
    }
}

proptest! {
    /// How often it is looked at does not change where it goes.
    #[test]
    fn a_flight_does_not_depend_on_who_looks(
        looks in prop::collection::vec(0u64..4_000, 0..20),
        sticks in prop::array::uniform4(-100.0..100.0f64),
    ) {
        let fly = |looks: &[u64]| {
            let mut body = Body::new([0.0; 2], Time::ZERO);
            body.push(Leg::Straight { to: [0.0, 0.0, 500.0] }, SECOND);
            body.push(Leg::Turn { by: 45.0 }, SECOND);
            body.steer(sticks);
            for look in looks {
                body.advance(Time::ZERO + Duration::from_millis(*look), 1.0, true);
            }
            body.advance(at(4.0), 1.0, true);
            body.pose()
        };
        let mut looks = looks;
        looks.sort_unstable();
        let (often, once) = (fly(&looks), fly(&[]));
        for (a, b) in often.at.iter().zip(once.at) {
            prop_assert!((a - b).abs() < 1e-3, "{often:?} and {once:?}");
        }
    }
}
