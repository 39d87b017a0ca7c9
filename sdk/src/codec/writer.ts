/** Writes values positionally into one growing buffer. */
export class Writer {}
