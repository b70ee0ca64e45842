/** What a redis-server says it uses. */

interface Informed {
  info(section: string): Promise<string>;
}

/** In bytes, without what clients' buffers take at the moment. */
export async function usedMemory(client: Informed): Promise<number> {
  const info = await client.info("memory");
  const value = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1]);
  return value("used_memory") - value("mem_clients_normal");
}
