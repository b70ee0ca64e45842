// Says on a page that is open that its session has ended. Without scripts the next click says it.
const dialog = document.getElementById("signed-out");
const RETRY_MS = 10_000;
let stream = null;

// A page that nobody sees needs no connection, of which a browser has only six for a site over HTTP/1.1.
function follow() {
  if (document.hidden) stop();
  else if (stream === null && !dialog.open) open();
}

function open() {
  stream = new EventSource("/live");
  stream.addEventListener("signed-out", ({ data }) => {
    stop();
    dialog.querySelector("p").textContent = data;
    dialog.showModal();
  });
  // A stream that breaks is opened again by the browser, one that is refused is not.
  stream.addEventListener("error", () => {
    if (stream?.readyState !== EventSource.CLOSED) return;
    stop();
    setTimeout(follow, RETRY_MS);
  });
}

function stop() {
  stream?.close();
  stream = null;
}

document.addEventListener("visibilitychange", follow);
// This page is about to be replaced: whoever signs out here need not be told.
document.addEventListener("submit", stop);
// What is behind it is of a session that is over. Browsers that do not know `closedby` close it by Escape.
dialog.addEventListener("close", () => dialog.showModal());
follow();
