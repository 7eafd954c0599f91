//! What people are told in Chinese, and what stays as it is in every language: records, bytes,
//! options and exit codes.

use crate::support::{NOBODY, connect, free_address, listen, python, server, sockpit};

/// In Chinese by the flag.
const ZH: [&str; 2] = ["--lang", "zh"];

/// In columns of a terminal.
fn columns(text: &str) -> usize {
    text.chars()
        .map(|c| if c < '\u{1100}' { 1 } else { 2 })
        .sum()
}

#[test]
fn a_refused_connection_is_told_in_chinese() {
    let address = free_address();
    connect(&[&address])
        .args(&ZH)
        .run()
        .check_code(1)
        .check_stderr(&[
            "错误：无法连接",
            &address,
            "：连接被拒绝",
            "提示：那里没有程序在监听",
        ]);
}

#[test]
fn a_port_in_use_is_told_with_its_owner() {
    let (_socket, address) = server();
    sockpit(&["listen", &address])
        .args(&ZH)
        .run()
        .check_code(2)
        .check_stderr(&[
            "错误：无法监听",
            "：地址已被占用",
            "（pid ",
            "已占用",
            "可结束它",
        ]);
}

#[test]
fn a_mistake_on_the_command_line_is_told_in_chinese() {
    connect(&[NOBODY, "--fram", "x"])
        .args(&ZH)
        .run()
        .check_code(2)
        .check_stderr(&[
            "错误：不认识的参数 '--fram'",
            "提示：有相近的参数 '--frame'",
            "用法：sockpit connect",
        ]);
    connect(&[NOBODY, "--text", "klingon"])
        .args(&ZH)
        .run()
        .check_code(2)
        .check_stderr(&["'--text <CHARSET>' 的值 'klingon' 无效：`klingon` 不是字符集"]);
    sockpit(&["conect"])
        .args(&ZH)
        .run()
        .check_code(2)
        .check_stderr(&["没有子命令 'conect'", "有相近的子命令"]);
}

#[test]
fn help_is_in_chinese() {
    let help = sockpit(&["--help"])
        .args(&ZH)
        .run()
        .check_code(0)
        .check_silent();
    for part in [
        "用法：sockpit",
        "命令:",
        "选项:",
        "连接服务器",
        "显示帮助",
        "退出码",
    ] {
        assert!(
            help.text().contains(part),
            "{part} is missing in {}",
            help.text()
        );
    }
    let help = sockpit(&["listen", "-h"]).args(&ZH).run().check_code(0);
    for part in ["半包与粘包:", "--frame <FRAMING>", "[默认：5s]", "示例："] {
        assert!(
            help.text().contains(part),
            "{part} is missing in {}",
            help.text()
        );
    }
    for word in ["Options", "Print help", "[default", "Usage"] {
        assert!(
            !help.text().contains(word),
            "{word} is left in {}",
            help.text()
        );
    }
}

#[test]
fn the_command_help_works_in_chinese() {
    let help = sockpit(&ZH).args(&["help", "nets"]).run().check_code(0);
    assert!(help.text().starts_with("查看本机的接口"), "{}", help.text());
}

#[test]
fn the_command_help_of_a_command_is_told_in_chinese() {
    let help = sockpit(&["wire", "--help"]).args(&ZH).run().check_code(0);
    assert!(!help.text().contains("Print this"), "{}", help.text());
}

#[test]
fn a_warning_of_a_capture_is_told_in_chinese() {
    sockpit(&["wire", "open", "-"])
        .args(&ZH)
        .stdin("")
        .run()
        .check_stderr(&["警告：", "是空的"]);
}

#[test]
fn a_command_without_its_own_helps_as_in_english() {
    let told = sockpit(&["tello"])
        .env("SOCKPIT_LANG", "zh")
        .run()
        .check_code(2);
    assert!(
        told.told().contains("用法：sockpit tello"),
        "{}",
        told.told()
    );
}

#[test]
fn the_environment_chooses_the_language() {
    let language = |variables: &[(&str, &str)]| {
        let mut program = connect(&[NOBODY, "--fram"]).env("LC_ALL", "");
        for (name, value) in variables {
            program = program.env(name, value);
        }
        program.run().told().contains("错误：")
    };
    assert!(language(&[("LC_MESSAGES", ""), ("LANG", "zh_CN.UTF-8")]));
    assert!(language(&[
        ("LC_ALL", "zh_CN.GBK"),
        ("LANG", "en_US.UTF-8")
    ]));
    assert!(language(&[("LC_MESSAGES", "zh_TW"), ("LANG", "C")]));
    assert!(language(&[("SOCKPIT_LANG", "zh"), ("LC_ALL", "C")]));
    assert!(!language(&[
        ("SOCKPIT_LANG", "en"),
        ("LC_ALL", "zh_CN.UTF-8")
    ]));
    assert!(!language(&[("LC_ALL", "C"), ("LANG", "zh_CN.UTF-8")]));
    assert!(!language(&[("LC_ALL", "de_DE.UTF-8")]));
}

#[test]
fn the_flag_counts_more_than_the_environment() {
    let told = connect(&[NOBODY, "--fram", "--lang", "en"])
        .env("LC_ALL", "zh_CN.UTF-8")
        .run();
    assert!(
        told.told().contains("error: unexpected argument"),
        "{}",
        told.told()
    );
    connect(&[NOBODY, "--lang", "tlh"])
        .run()
        .check_code(2)
        .check_stderr(&["`tlh` is no language here; there are `en` and `zh`"]);
}

#[test]
fn the_demo_speaks_chinese() {
    let demo = sockpit(&["demo"])
        .args(&ZH)
        .run()
        .check_code(0)
        .check_silent();
    for part in [
        "服务器位于 tcp://127.0.0.1:",
        "两条消息粘在一个数据包里（粘包）",
        "先到半条消息（半包）",
        "客户端写出",
        "服务器读到",
        "↑ 第 1 次读到消息 1 和 2（粘包：一次写出）",
        "“你好, SOCKPIT”",
        "sockpit connect --help",
    ] {
        assert!(
            demo.text().contains(part),
            "{part} is missing in {}",
            demo.text()
        );
    }
}

#[test]
fn records_and_bytes_are_the_same_in_every_language() {
    let program = "import socket,sys\ns=socket.socket();s.bind(('127.0.0.1',0));s.listen()\n\
        print(s.getsockname()[1])\nfor _ in range(2):\n c,_=s.accept();c.sendall(b'connection refused\\n');c.close()";
    let peer = python(program, &[]).start();
    let address = format!("127.0.0.1:{}", peer.printed_port());
    let records = |lang: &str| {
        let done = connect(&[&address, "--frame", "lines", "--json", "--lang", lang])
            .run()
            .check_code(0);
        let mut lines: Vec<serde_json::Value> = done
            .text()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        for line in &mut lines {
            let line = line.as_object_mut().unwrap();
            for name in ["at", "local", "data"] {
                line.remove(name);
            }
        }
        lines
    };
    let (english, chinese) = (records("en"), records("zh"));
    assert_eq!(english, chinese);
    assert!(
        english
            .iter()
            .any(|line| line["text"] == "connection refused")
    );
}

#[test]
fn what_peers_say_is_not_translated() {
    let mut server = sockpit(&["listen", "127.0.0.1:0", "--frame", "lines", "--once"])
        .args(&["--as", "text", "--lang", "en"])
        .start();
    let address = server.address();
    connect(&[
        &address,
        "--frame",
        "lines",
        "--send",
        "connection refused",
        "--lang",
        "zh",
    ])
    .run()
    .check_code(0);
    server.end_stdin();
    server.finish().check_stdout("connection refused\n");
}

#[test]
fn a_listener_announces_itself_in_chinese() {
    let server = listen(&["127.0.0.1:0", "--lang", "zh"]);
    server.wait_for_stderr("正在监听 tcp://127.0.0.1:");
}

#[test]
fn the_columns_of_a_chinese_table_line_up() {
    let (_socket, address) = server();
    let port = address.rsplit(':').next().unwrap();
    let table = sockpit(&["ports", port]).args(&ZH).run().check_code(0);
    let mut lines = table.text().lines();
    let (head, row) = (lines.next().unwrap(), lines.next().unwrap());
    assert!(head.starts_with("协议"), "{head}");
    let place = |line: &str, word: &str| line.find(word).map(|at| columns(&line[..at]));
    assert_eq!(place(head, "状态"), place(row, "正在监听"), "{head}\n{row}");
    assert_eq!(place(head, "地址"), place(row, "127."), "{head}\n{row}");
}

#[test]
fn an_unmet_expectation_is_told_in_chinese() {
    let (_socket, address) = server();
    connect(&[&address, "--expect", "OK", "--within", "50ms"])
        .args(&ZH)
        .run()
        .check_code(3)
        .check_stderr(&["错误：期望 50ms 内收到 `OK`；什么也没收到"]);
}
