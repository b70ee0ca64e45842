/** Signatures of other libraries' cookies: verified for those who come from there, never made. */

import { createHmac } from "node:crypto";
import { ConfigError } from "../errors.ts";
import { equalBytes } from "./keyring.ts";

/**
 * Secrets as they were: whatever their length, for they have to be the ones that signed.
 * @throws ConfigError
 */
export function checkedOldSecrets(
  option: string,
  secrets: string | readonly (string | undefined)[],
): readonly string[] {
  const all = typeof secrets === "string" ? [secrets] : secrets;
  if (Array.isArray(all) && all.length > 0 && all.every((each) => typeof each === "string" && each !== "")) {
    return all as readonly string[];
  }
  throw new ConfigError(`Option ${option} must be the secrets that signed the old cookies: one or more strings.`);
}

/**
 * What was signed by the packages cookie-signature (express-session) and @fastify/cookie (@fastify/session):
 * `value.base64(HMAC-SHA256)` without padding. Null unless one of the secrets signed it.
 */
export function unsigned(signed: string, secrets: readonly string[]): string | null {
  const dot = signed.lastIndexOf(".");
  const value = signed.slice(0, dot);
  const signature = Buffer.from(signed.slice(dot + 1));
  const isGenuine = (secret: string): boolean => {
    const mac = createHmac("sha256", secret).update(value).digest("base64").replace(/=+$/, "");
    return equalBytes(Buffer.from(mac), signature);
  };
  return dot > 0 && secrets.some(isGenuine) ? value : null;
}

/** Whether `name.sig` is what keygrip (koa-session) makes for the cookie: base64url(HMAC-SHA1) of `name=value`. */
export function isKeygripSigned(cookie: string, signature: string, keys: readonly string[]): boolean {
  const given = Buffer.from(signature);
  return keys.some((key) => equalBytes(Buffer.from(createHmac("sha1", key).update(cookie).digest("base64url")), given));
}
