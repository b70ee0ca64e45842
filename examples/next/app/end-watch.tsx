"use client";

import { useRouter } from "next/navigation";
import { useEffect } from "react";

/** Renders the page anew when its session ends, wherever that is done: in another tab, on another device. */
export function EndWatch() {
  const router = useRouter();
  useEffect(() => {
    const stream = new EventSource("/ended");
    stream.addEventListener("ended", () => {
      stream.close();
      router.refresh();
    });
    return () => stream.close();
  }, [router]);
  return null;
}
