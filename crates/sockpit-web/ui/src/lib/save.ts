/** In ms: so long a browser may take to begin with a file. */
const KEPT_MS = 10_000;

/** Gives the user a file. */
export function save(name: string, what: Blob): void {
  const url = URL.createObjectURL(what);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
}

/** Gives the user a text as a file. */
export function saveText(name: string, text: string, type = 'application/octet-stream'): void {
  save(name, new Blob([text], { type }));
}
