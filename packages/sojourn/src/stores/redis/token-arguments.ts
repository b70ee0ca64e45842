/** Arguments of the scripts that change a session's tokens, in the order of their headers. */

import type { ConfirmInput, ElevateInput, RotateInput } from "../../store/store.ts";
import type { Argument } from "./driver.ts";

export function rotateArguments(input: RotateInput): Argument[] {
  return [
    String(input.generation),
    input.tokenHash,
    input.successorHash,
    input.wrap,
    String(input.wrapKeyId),
    input.replaces ?? "",
  ];
}

export function confirmArguments(input: ConfirmInput): Argument[] {
  return [String(input.generation), input.tokenHash, String(input.graceMs), input.heal ? "1" : ""];
}

export function elevateArguments({ expected, ...input }: ElevateInput): Argument[] {
  return [
    String(expected.generation),
    expected.tokenHash,
    String(input.generation),
    input.tokenHash,
    String(input.aal),
    String(input.absoluteMs),
    expected.metadata,
    input.metadata,
  ];
}
