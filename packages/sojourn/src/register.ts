/** Augment this to give `req.session` the types of your sessions: `interface Register { sessions: typeof sessions }`. */
// oxlint-disable-next-line typescript/no-empty-object-type -- made to be augmented
export interface Register {}
