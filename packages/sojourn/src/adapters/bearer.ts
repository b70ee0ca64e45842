/** The bearer token of an Authorization header, RFC 6750 2.1. */

/** The scheme's name is compared without regard to case (RFC 9110 11.1). */
const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

/** Null for another scheme, and for two headers of which nobody can say whose is meant. */
export function bearerToken(header: string | undefined): string | null {
  return header === undefined ? null : (BEARER.exec(header)?.[1] ?? null);
}
