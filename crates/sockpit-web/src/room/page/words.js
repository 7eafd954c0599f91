// What the page says, in both languages.

const EN = {
  places: "Rooms and people", rooms: "Rooms", directs: "Direct messages", joinRoom: "Join a room",
  changeNick: "Change your nickname", members: "Members", messages: "Messages", message: "Message",
  send: "Send", welcome: "Come in", nick: "Nickname", room: "Room", comeIn: "Enter", join: "Join",
  close: "Close", again: "Try now", commands: "Commands", leave: "Leave", back: "Come back",
  theme: { auto: "Colours: as the system", light: "Colours: light", dark: "Colours: dark" },
  you: "you", membersOf: (n) => `Members · ${n}`, more: (n) => `… and ${n} more`,
  people: (n) => (n === 1 ? "1 person" : `${n} people`),
  writeTo: (name) => `Write to ${name}`, writeNowhere: "Join a room to write",
  newBelow: (n) => (n === 1 ? "1 new message ↓" : `${n} new messages ↓`), below: "To the newest ↓",
  unread: (n) => `${n} unread`,
  connecting: "Connecting…", lost: (s) => `The connection is lost. Trying again in ${s} s`,
  refused: "The room does not let you in.", gone: "You have left.", ended: "The connection has ended.",
  emptyRoom: "Nothing has been said here yet.", emptyDirect: (name) => `This is between you and ${name}.`,
  nowhere: "You are in no room. Join one on the left.",
  joined: (who) => `${who} joined`, left: (who) => `${who} left`,
  renamed: (who, to) => `${who} is now ${to}`,
  topicSet: (who, text) => (text ? `${who} set the topic: ${text}` : `${who} removed the topic`),
  topicIs: (text) => (text ? `The topic: ${text}` : "There is no topic"),
  kicked: (who, why) => (why ? `${who} was thrown out: ${why}` : `${who} was thrown out`),
  notice: "Notice", missed: (n) => (n === 1 ? "1 line was lost: this page read too slowly" : `${n} lines were lost: this page read too slowly`),
  unsent: (text) => `Not sent: ${text}`, tooLong: (n) => `Too long by ${n} bytes`,
  tooMany: (n) => `${n} lines at once are too many: 20 at most`,
  unknown: (word) => `There is no command /${word}; /help lists them`,
  wants: (usage) => `It is written ${usage}`, offline: "Not connected",
  who: (names) => `Here: ${names}`, roomsAre: (names) => `Rooms: ${names}`,
  pong: (ms) => `An answer after ${ms} ms`, again2: "Connected again",
  named: (nick) => `You are ${nick}`,
  help: "Commands. Alt+↑ and Alt+↓ change the room, Tab completes names, ↑ brings back what you wrote.",
  use: {
    join: ["/join ROOM", "enter a room"], leave: ["/leave [ROOM]", "leave a room"],
    msg: ["/msg NICK TEXT", "a direct message"], me: ["/me TEXT", "tell what you do"],
    nick: ["/nick NAME", "change your nickname"], who: ["/who [ROOM]", "who is in a room"],
    rooms: ["/rooms", "which rooms there are"], topic: ["/topic [TEXT]", "show or set the topic"],
    history: ["/history [N]", "what was said last"], ping: ["/ping", "how long an answer takes"],
    clear: ["/clear", "empty this view"], quit: ["/quit", "leave for good"], help: ["/help", "this list"],
  },
};

const ZH = {
  places: "聊天室和私聊", rooms: "聊天室", directs: "私聊", joinRoom: "进入聊天室",
  changeNick: "修改昵称", members: "成员", messages: "消息", message: "消息",
  send: "发送", welcome: "欢迎", nick: "昵称", room: "聊天室", comeIn: "进入", join: "进入",
  close: "关闭", again: "立即重试", commands: "命令", leave: "离开", back: "重新进入",
  theme: { auto: "配色：跟随系统", light: "配色：浅色", dark: "配色：深色" },
  you: "你", membersOf: (n) => `成员 · ${n}`, more: (n) => `… 另有 ${n} 人`,
  people: (n) => `${n} 人`,
  writeTo: (name) => `发给 ${name}`, writeNowhere: "进入一个聊天室后才能发言",
  newBelow: (n) => `${n} 条新消息 ↓`, below: "回到最新 ↓", unread: (n) => `${n} 条未读`,
  connecting: "正在连接…", lost: (s) => `连接已断开，${s} 秒后重试`,
  refused: "聊天室拒绝了你。", gone: "你已离开。", ended: "连接已结束。",
  emptyRoom: "这里还没有人说过话。", emptyDirect: (name) => `这是你和 ${name} 的私聊。`,
  nowhere: "你不在任何聊天室里，请在左侧进入一个。",
  joined: (who) => `${who} 进来了`, left: (who) => `${who} 离开了`,
  renamed: (who, to) => `${who} 改名为 ${to}`,
  topicSet: (who, text) => (text ? `${who} 设定话题：${text}` : `${who} 取消了话题`),
  topicIs: (text) => (text ? `话题：${text}` : "没有话题"),
  kicked: (who, why) => (why ? `${who} 被踢出：${why}` : `${who} 被踢出`),
  notice: "通知", missed: (n) => `丢失了 ${n} 行：本页读得太慢`,
  unsent: (text) => `未发送：${text}`, tooLong: (n) => `超长 ${n} 字节`,
  tooMany: (n) => `一次发 ${n} 行太多，最多 20 行`,
  unknown: (word) => `没有命令 /${word}，/help 列出全部命令`,
  wants: (usage) => `写法是 ${usage}`, offline: "没有连接",
  who: (names) => `在场：${names}`, roomsAre: (names) => `聊天室：${names}`,
  pong: (ms) => `${ms} 毫秒后得到应答`, again2: "已重新连接",
  named: (nick) => `你的昵称是 ${nick}`,
  help: "命令。Alt+↑ 和 Alt+↓ 切换聊天室，Tab 补全名字，↑ 找回写过的话。",
  use: {
    join: ["/join 聊天室", "进入聊天室"], leave: ["/leave [聊天室]", "离开聊天室"],
    msg: ["/msg 昵称 文字", "私聊"], me: ["/me 文字", "说说你在做什么"],
    nick: ["/nick 昵称", "修改昵称"], who: ["/who [聊天室]", "谁在聊天室里"],
    rooms: ["/rooms", "有哪些聊天室"], topic: ["/topic [文字]", "查看或设定话题"],
    history: ["/history [N]", "最近说过的话"], ping: ["/ping", "应答要多久"],
    clear: ["/clear", "清空此处显示"], quit: ["/quit", "离开"], help: ["/help", "这个列表"],
  },
};

const LANGUAGES = { en: EN, "zh-CN": ZH };

// What is remembered may be forbidden or full; the page works without.
export function recall(key) {
  try { return localStorage.getItem(`room.${key}`); } catch { return null; }
}

export function remember(key, value) {
  try { localStorage.setItem(`room.${key}`, value); } catch { /* not remembered */ }
}

function preferred() {
  const stored = recall("language");
  if (stored in LANGUAGES) return stored;
  const first = (navigator.languages ?? [navigator.language]).find((tag) => /^(en|zh)\b/i.test(tag));
  return /^zh/i.test(first ?? "") ? "zh-CN" : "en";
}

export const language = {
  tag: preferred(),
  get words() { return LANGUAGES[this.tag]; },
  get other() { return this.tag === "en" ? "zh-CN" : "en"; },
  turn() {
    this.tag = this.other;
    remember("language", this.tag);
  },
};
