/** Where the table stands, for people to look. */
export const TABLE_FOLDER = "scripts/lint/rooms";

/** What the sources need of the table: one that allows more than is done is no wall. */
export class Uses {
  #table;
  #inhabited = new Set();
  #needed = new Set();

  /** @param {Record<string, Record<string, string[]>>} table */
  constructor(table) {
    this.#table = table;
  }

  /** A file stands in this room. */
  inhabit(pack, room) {
    this.#inhabited.add(`${pack} ${room}`);
  }

  /** An import of this room is allowed by this entry. */
  need(pack, room, entry) {
    this.#needed.add(`${pack} ${room} ${entry}`);
  }

  /** @returns {string[]} the rooms without a file, and the entries without an import or said twice */
  problems() {
    return Object.entries(this.#table).flatMap(([pack, rooms]) =>
      Object.entries(rooms).flatMap(([room, allowed]) => this.#problemsOf(pack, room, allowed)),
    );
  }

  #problemsOf(pack, room, allowed) {
    if (!this.#inhabited.has(`${pack} ${room}`))
      return [`${TABLE_FOLDER}: no file of ${pack} is in "${room}" any more`];
    const twice = allowed.filter((entry, index) => allowed.indexOf(entry) < index);
    const idle = allowed.filter((entry) => !this.#needed.has(`${pack} ${room} ${entry}`));
    return [
      ...twice.map((entry) => `${TABLE_FOLDER}: ${pack}/${room} says ${entry} twice`),
      ...idle.map((entry) => `${TABLE_FOLDER}: ${pack}/${room} may import ${entry}, and nothing there does any more`),
    ];
  }
}
