/** What happened in one world, as its server saw it. */

export type Party = "owner" | "thief";

/** A token arrived at the server, and what its bearer was taken for. */
export interface Presentation {
  readonly party: Party;
  readonly at: number;
  readonly generation: number;
  readonly loggedIn: boolean;
}

/** A successor was presented for the first time. */
export interface Confirmation {
  readonly generation: number;
  readonly at: number;
  readonly graceUntil: number;
}

export interface Ending {
  readonly reason: string;
  readonly at: number;
}

export class Journal {
  readonly presentations: Presentation[] = [];
  readonly confirmations: Confirmation[] = [];
  ending: Ending | null = null;
  /** When the owner asked to be logged out. */
  logoutAt: number | null = null;
  /** When the cookie was copied. */
  stolenAt: number | null = null;
  /** Responses that were lost on their way back, and messages that a change of networks cut or held up. */
  lostResponses = 0;
  cutOrHeld = 0;
  /** Set-Cookie headers that put an older token into the jar than it held. */
  setBack = 0;

  confirmed(confirmation: Confirmation): void {
    const known = this.confirmations.some(({ generation }) => generation === confirmation.generation);
    if (!known) this.confirmations.push(confirmation);
  }

  ended(ending: Ending): void {
    this.ending ??= ending;
  }

  /** What happened up to the session's end, a line each, for who looks for the reason of an alarm. */
  tail(lines: number): string[] {
    const end = this.ending?.at ?? Number.POSITIVE_INFINITY;
    const events = [
      ...this.presentations.map((p) => ({
        at: p.at,
        text: `${p.party} presented generation ${p.generation}: ${p.loggedIn ? "good" : "REFUSED"}`,
      })),
      ...this.confirmations.map((c) => ({ at: c.at, text: `generation ${c.generation} became current` })),
      ...(this.ending === null ? [] : [{ at: this.ending.at, text: `ended: ${this.ending.reason}` }]),
      ...(this.stolenAt === null ? [] : [{ at: this.stolenAt, text: "the cookie was copied" }]),
      ...(this.logoutAt === null ? [] : [{ at: this.logoutAt, text: "the owner logs out" }]),
    ];
    return events
      .filter(({ at }) => at <= end)
      .toSorted((a, b) => a.at - b.at)
      .slice(-lines)
      .map(({ at, text }) => `${(at / 1000).toFixed(3)} s  ${text}`);
  }
}

/** 18 bits, characters 25 to 27 of a token. */
export function generationOf(token: string): number {
  return Buffer.from(`A${token.slice(25, 28)}`, "base64url").readUIntBE(0, 3);
}
