use super::*;

#[test]
fn what_dumpcap_says_is_one_sentence() {
    let said = "Capturing on 'lo'\n\
                dumpcap: The capture session could not be initiated on interface 'lo'\n\
                (You don't have permission to capture on that device).\n\n\
                Please check to make sure you have sufficient permissions.\n";
    let expected = "The capture session could not be initiated on interface 'lo' (You don't have \
                    permission to capture on that device).";
    assert_eq!(sentence(said), expected);
    assert_eq!(sentence(""), "it ended without a word");
}

#[test]
fn who_is_at_work_is_told_from_who_rests() {
    for (script, works) in [("while :; do :; done", true), ("read line", false)] {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let end = Instant::now() + Duration::from_secs(10);
        // It is at work while it begins, and rests for a moment where something is read for it.
        let mut is_so = false;
        while !is_so && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5)); // sleep: polled, with a deadline
            is_so = is_at_work(child.id()) == works;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_so, "{script}");
    }
}
