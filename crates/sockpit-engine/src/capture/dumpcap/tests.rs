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
