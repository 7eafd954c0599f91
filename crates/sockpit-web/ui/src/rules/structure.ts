// A rule file in fields, as `rules.parse` gives it and `rules.write` takes it.

export const MATCHERS = ['equals', 'contains', 'starts', 'ends', 'regex', 'hex', 'any'] as const;
/** The empty one closes the conversation and answers nothing. */
export const ANSWERS = ['reply', 'reply_hex', 'echo', 'upper', 'discard', ''] as const;
export const ACTS = ['send', 'send_hex', 'expect'] as const;

export type Matcher = (typeof MATCHERS)[number];
export type Answer = (typeof ANSWERS)[number];
export type Act = (typeof ACTS)[number];

export interface Rule {
  name: string;
  matcher: Matcher;
  pattern: string;
  answer: Answer;
  payload: string;
  delay_ns: number;
  every_ns: number | null;
  count: number | null;
  closes: boolean;
  continues: boolean;
}

export interface Step {
  act: Act;
  payload: string;
  matcher: Matcher | '';
  pattern: string;
  delay_ns: number;
  /** 0 where nothing is said. */
  within_ns: number;
  name: string;
  /** 0 where nothing is said. */
  exit: number;
}

export interface Item {
  name: string;
  payload: string;
  is_hex: boolean;
  /** Before it is sent. */
  delay_ns: number;
}

export interface List {
  name: string;
  /** Without end if `null`. */
  rounds: number | null;
  start: boolean;
  items: Item[];
}

export interface Structure {
  rules: Rule[];
  lists: List[];
  script: Step[];
}

export const EMPTY: Readonly<Structure> = { rules: [], lists: [], script: [] };

const RULE: Rule = {
  name: '', matcher: 'contains', pattern: '', answer: 'reply', payload: '',
  delay_ns: 0, every_ns: null, count: null, closes: false, continues: false,
};
const STEP: Step = { act: 'send', payload: '', matcher: 'contains', pattern: '', delay_ns: 0, within_ns: 0, name: '', exit: 0 };

export const NEW_RULE: Readonly<Rule> = RULE;
export const ECHO_RULE: Readonly<Rule> = { ...RULE, matcher: 'any', answer: 'echo' };
export const NEW_SEND: Readonly<Step> = STEP;
export const NEW_EXPECT: Readonly<Step> = { ...STEP, act: 'expect' };
export const NEW_ITEM: Readonly<Item> = { name: '', payload: '', is_hex: false, delay_ns: 0 };

/** A rule with another answer; what repeats an answer goes with the last one. */
export function withAnswer(rule: Rule, answer: Answer): Rule {
  if (answer !== '' && answer !== 'discard') return { ...rule, answer };
  return { ...rule, answer, every_ns: null, count: null, closes: answer === '' || rule.closes };
}

/** A step that does something else with the same words. */
export function withAct(step: Step, act: Act): Step {
  const words = step.act === 'expect' ? step.pattern : step.payload;
  if (act !== 'expect') return { ...STEP, act, payload: words, delay_ns: step.delay_ns };
  return { ...STEP, act, matcher: step.act === 'send_hex' ? 'hex' : 'contains', pattern: words };
}

/** With the thing at `from` standing at `to`. */
export function moved<T>(all: readonly T[], from: number, to: number): T[] {
  const rest = [...all];
  const [one] = rest.splice(from, 1);
  if (one !== undefined) rest.splice(Math.max(0, Math.min(rest.length, to)), 0, one);
  return rest;
}

/** With a thing put after `at`; -1 puts it at the front. */
export function inserted<T>(all: readonly T[], at: number, one: T): T[] {
  return [...all.slice(0, at + 1), one, ...all.slice(at + 1)];
}

export function replaced<T>(all: readonly T[], at: number, one: T): T[] {
  return all.map((other, index) => (index === at ? one : other));
}

export function removed<T>(all: readonly T[], at: number): T[] {
  return all.filter((_, index) => index !== at);
}

/** A name that is not taken: `poll`, `poll 2` … */
export function freeName(wanted: string, taken: readonly string[]): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : `${wanted} ${number}`;
    if (!taken.includes(name)) return name;
  }
}
