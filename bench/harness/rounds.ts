/** Alternating rounds: each takes one sample of every contestant, so that what slows the machine slows them all. */

import type { Sample } from "./contestant.ts";

export interface Sampled {
  readonly name: string;
  readonly samples: readonly Sample[];
}

export interface Sampler {
  readonly name: string;
  /** Until the code that is measured is compiled as it will be. */
  warmUp(): Promise<unknown>;
  sample(): Promise<Sample>;
}

/** All warmed up, then the rounds. Each begins with another contestant. */
export async function alternate(samplers: readonly Sampler[], rounds: number): Promise<Sampled[]> {
  const samples = new Map<Sampler, Sample[]>(samplers.map((sampler) => [sampler, []]));
  for (const sampler of samplers) await sampler.warmUp();
  for (let round = 0; round < rounds; round++) {
    const first = round % samplers.length;
    for (const sampler of [...samplers.slice(first), ...samplers.slice(0, first)]) {
      samples.get(sampler)?.push(await sampler.sample());
    }
  }
  return samplers.map((sampler) => ({ name: sampler.name, samples: samples.get(sampler) ?? [] }));
}
