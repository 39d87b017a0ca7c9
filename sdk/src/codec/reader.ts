/** Reads what a `Writer` of the same build wrote. */
export class Reader {}
