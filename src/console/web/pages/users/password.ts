/** The server says what it wants of a password; this only spares a way. */
export const leastPasswordLength = 10;
