// What a drone understands, and what of it is being typed.

export interface Word {
  word: string;
  usage: string;
  help: string;
}

/** The words that what was typed may become: each that begins so, the shortest first. */
export function offered(words: Word[], typed: string): Word[] {
  const wanted = typed.trimStart().toLowerCase();
  if (wanted === '') return [];
  return words
    .filter((one) => one.word.toLowerCase().startsWith(wanted) && one.word.toLowerCase() !== wanted)
    .sort((a, b) => a.word.length - b.word.length || a.word.localeCompare(b.word))
    .slice(0, 8);
}

/** How the command that is typed is used. */
export function used(words: Word[], typed: string): Word[] {
  const line = typed.trim().toLowerCase();
  const found = words.filter((one) => line === one.word.toLowerCase() || line.startsWith(`${one.word.toLowerCase()} `));
  const longest = Math.max(0, ...found.map((one) => one.word.length));
  return found.filter((one) => one.word.length === longest);
}
