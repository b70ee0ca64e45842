/** Looks for tokens where none may be: any 12 characters of a secret or MAC, as text or as the bytes they stand for. */

const CHARACTERS = 12;
const BYTES = (CHARACTERS * 3) / 4;
const TOKEN_TEXT = /[A-Za-z0-9_-]{12,}/g;

export class SecretPieces {
  readonly #texts = new Set<string>();
  /** As latin1. */
  readonly #decoded = new Set<string>();
  /** A bit for the first three bytes of each decoded piece: nearly everything else is passed over by it. */
  readonly #beginnings = new Uint8Array(2 ** 21);

  constructor(tokens: Iterable<string>) {
    for (const token of tokens) {
      for (const segment of [token.slice(28, 71), token.slice(71)]) {
        for (const piece of windows(segment, CHARACTERS)) this.#texts.add(piece);
        for (const piece of windows(Buffer.from(segment, "base64url").toString("latin1"), BYTES))
          this.#addDecoded(piece);
      }
    }
  }

  get size(): number {
    return this.#texts.size + this.#decoded.size;
  }

  /** @param content bytes, or text; of text that stands for bytes each character is one (latin1) */
  foundIn(content: Buffer | string): string[] {
    const bytes = typeof content === "string" ? Buffer.from(content, "latin1") : content;
    const text = bytes.toString("latin1");
    const found = new Set<string>();
    for (const [run] of text.matchAll(TOKEN_TEXT)) {
      for (const piece of windows(run, CHARACTERS)) if (this.#texts.has(piece)) found.add(piece);
    }
    for (let at = 0; at + BYTES <= bytes.length; at++) {
      const beginning = bytes.readUIntBE(at, 3);
      if (((this.#beginnings[beginning >> 3] ?? 0) & (1 << (beginning & 7))) === 0) continue;
      const piece = text.slice(at, at + BYTES);
      if (this.#decoded.has(piece)) found.add(piece);
    }
    return [...found];
  }

  #addDecoded(piece: string): void {
    this.#decoded.add(piece);
    const beginning = Buffer.from(piece, "latin1").readUIntBE(0, 3);
    this.#beginnings[beginning >> 3] = (this.#beginnings[beginning >> 3] ?? 0) | (1 << (beginning & 7));
  }
}

function windows(text: string, length: number): string[] {
  return Array.from({ length: text.length - length + 1 }, (_, i) => text.slice(i, i + length));
}
