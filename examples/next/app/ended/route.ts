import { readSession } from "../../lib/session";
import { site } from "../../lib/sessions";

/** An event when the session of the request ends. */
export async function GET(request: Request): Promise<Response> {
  const { id } = await readSession();
  if (id === null) return new Response(null, { status: 204 });
  const stream = new ReadableStream<string>({
    start(controller) {
      controller.enqueue(": open\n\n");
      const stop = site().sessions.watch(id, ({ reason }) => {
        controller.enqueue(`event: ended\ndata: ${reason}\n\n`);
        controller.close();
      });
      request.signal.addEventListener("abort", stop);
    },
  });
  return new Response(stream.pipeThrough(new TextEncoderStream()), {
    headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-store" },
  });
}
