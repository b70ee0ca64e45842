/**
 * What express-session 1.19 documents of stores, and of what a session does through one: each sentence as its readme has
 * it, with the tests that show it of `SojournStore`. `documented-sentences.test.ts` holds both ends.
 */

export interface DocumentedSentence {
  readonly sentence: string;
  /** Titles in `store.test.ts` and `express.test.ts`. */
  readonly shownBy: readonly string[];
}

const STORED = "get answers what set stored, null for an id that nobody stored, a fresh object each time";
const CALLBACKS = "every method takes a callback, calls it once and later, and answers a promise with or without one";
const OURS_ONLY = "all, ids, length and clear are of these sessions only";
const TOUCHED = "touch moves what get answers for cookie.expires, to the millisecond, and nothing else";
const FORM = "createSession makes a session of express-session's form";
const FLOW = "a session is stored, loaded, changed and destroyed, on two servers";
const LOGIN = "login as express-session's readme has it: regenerate, save, redirect; the old id is of no use";
const RELOAD = "reload reads again, and what it answers is saved like any other";
const LIFETIME = "a lifetime that a request sets is the session's";
const PARALLEL = "parallel requests that write different fields lose none, on one server and on two";

export const DOCUMENTED: readonly DocumentedSentence[] = [
  {
    sentence: "Every session store _must_ be an `EventEmitter` and implement specific methods.",
    shownBy: ["disconnect is told when the store does not answer, connect once it does", CALLBACKS],
  },
  {
    sentence: "This optional method is used to get all sessions in the store as an array.",
    shownBy: [OURS_ONLY],
  },
  { sentence: "The `callback` should be called as `callback(error, sessions)`.", shownBy: [CALLBACKS] },
  {
    sentence:
      "This required method is used to destroy/delete a session from the store given a session ID (`sid`). The `callback` should be called as `callback(error)` once the session is destroyed.",
    shownBy: [CALLBACKS, "F2 after destroy neither set nor touch brings a session back, and neither is an error"],
  },
  {
    sentence:
      "This optional method is used to delete all sessions from the store. The `callback` should be called as `callback(error)` once the store is cleared.",
    shownBy: [CALLBACKS, OURS_ONLY],
  },
  {
    sentence:
      "This optional method is used to get the count of all sessions in the store. The `callback` should be called as `callback(error, len)`.",
    shownBy: [CALLBACKS, OURS_ONLY, "a thousand sessions are stored, counted and cleared"],
  },
  {
    sentence:
      "This required method is used to get a session from the store given a session ID (`sid`). The `callback` should be called as `callback(error, session)`.",
    shownBy: [CALLBACKS, STORED],
  },
  {
    sentence:
      "The `session` argument should be a session if found, otherwise `null` or `undefined` if the session was not found (and there was no error).",
    shownBy: [STORED, "a session lives as long as its cookie says, in milliseconds, and is a miss from then on"],
  },
  {
    sentence:
      "This required method is used to upsert a session into the store given a session ID (`sid`) and session (`session`) object. The callback should be called as `callback(error)` once the session has been set in the store.",
    shownBy: [
      CALLBACKS,
      STORED,
      "set of an object that was never loaded puts it in the place of what is stored",
      "what is too much, or no session, goes to the callback or rejects",
    ],
  },
  {
    sentence:
      'This recommended method is used to "touch" a given session given a session ID (`sid`) and session (`session`) object. The `callback` should be called as `callback(error)` once the session has been touched.',
    shownBy: [CALLBACKS, TOUCHED],
  },
  {
    sentence:
      "This is primarily used when the store will automatically delete idle sessions and this method is used to signal to the store the given session is active, potentially resetting the idle timer.",
    shownBy: [
      "activity of a loaded session is stored once in a twentieth of its lifetime, another lifetime at once",
      "rolling: every answer moves the cookie, and the session ends with it",
    ],
  },
  {
    sentence: "which is (generally) serialized as JSON by the store, so nested objects are typically fine.",
    shownBy: ["values are what JSON makes of them, as in express-session's own store"],
  },
  {
    sentence:
      "To regenerate the session simply invoke the method. Once complete, a new SID and `Session` instance will be initialized at `req.session` and the `callback` will be invoked.",
    shownBy: [LOGIN],
  },
  {
    sentence:
      "Destroys the session and will unset the `req.session` property. Once complete, the `callback` will be invoked.",
    shownBy: [FLOW],
  },
  {
    sentence:
      "Reloads the session data from the store and re-populates the `req.session` object. Once complete, the `callback` will be invoked.",
    shownBy: [RELOAD],
  },
  {
    sentence:
      "Save the session back to the store, replacing the contents on the store with the contents in memory (though a store may do something else--consult the store's documentation for exact behavior).",
    shownBy: [LOGIN, PARALLEL, "a copy of a loaded session is known by the objects in it"],
  },
  {
    sentence: "Updates the `.maxAge` property.",
    shownBy: [FORM, "rolling: every answer moves the cookie, and the session ends with it"],
  },
  {
    sentence: "This property is an alias of [`req.sessionID`](#reqsessionid-1) and cannot be modified.",
    shownBy: [FORM],
  },
  {
    sentence:
      "For example we can set `req.session.cookie.expires` to `false` to enable the cookie to remain for only the duration of the user-agent.",
    shownBy: [FORM],
  },
  {
    sentence:
      "Alternatively `req.session.cookie.maxAge` will return the time remaining in milliseconds, which we may also re-assign a new value to adjust the `.expires` property appropriately.",
    shownBy: [FORM, LIFETIME],
  },
  {
    sentence:
      "The `req.session.cookie.originalMaxAge` property returns the original `maxAge` (time-to-live), in milliseconds, of the session cookie.",
    shownBy: [FORM, FLOW],
  },
  {
    sentence: "If it does, then you can safely set `resave: false`.",
    shownBy: ["rolling: every answer moves the cookie, and the session ends with it", PARALLEL],
  },
  {
    sentence:
      "changes made to the session in one request may get overwritten when the other request ends, even if it made no changes (this behavior also depends on what store you're using).",
    shownBy: ["resave and saveUninitialized as they are by default: stored at once, never over another's write"],
  },
];
