/** A piece of HTML that is safe to send: made by `html`, never from a plain string. */
export class Html {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/** What a template may hold. `null` and `false` leave nothing. */
export type Fragment = Html | string | number | false | null | readonly Fragment[];

/** Escapes every value that is not `Html` itself. Attribute values have to stand in double quotes. */
export function html(strings: TemplateStringsArray, ...values: readonly Fragment[]): Html {
  return new Html(String.raw({ raw: strings }, ...values.map(render)));
}

function render(value: Fragment): string {
  if (value === null || value === false) return "";
  if (value instanceof Html) return value.toString();
  if (typeof value === "object") return value.map(render).join("");
  return escape(String(value));
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
