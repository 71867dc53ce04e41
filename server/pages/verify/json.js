// A strict JSON reader (RFC 8259). Signed bytes depend on how numbers are written, which JSON.parse
// forgets: whole numbers come as Number or, from 2^53 on, as BigInt; all others as Float.
// A member that occurs twice is refused: readers disagree about which one counts.

export class Float {
  constructor(value) {
    this.value = value;
  }
}

export class BadJson extends Error {}

const MOST_DEPTH = 64;
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SPACE = /[ \t\r\n]*/y;
const WORDS = { true: true, false: false, null: null };

export function parse(text) {
  let at = 0;

  function take(pattern) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) at = pattern.lastIndex;
    return match;
  }

  function skip(character) {
    take(SPACE);
    if (text[at] !== character) return false;
    at += 1;
    take(SPACE);
    return true;
  }

  function fail(what) {
    throw new BadJson(`${what} at character ${at + 1}`);
  }

  function string() {
    const match = take(STRING);
    return match ? JSON.parse(match[0]) : fail("a text was expected");
  }

  function object(depth) {
    const members = new Map();
    if (skip("}")) return members;
    do {
      const name = string();
      if (members.has(name)) fail(`the member ${JSON.stringify(name)} stands twice`);
      if (!skip(":")) fail("a colon was expected");
      members.set(name, value(depth));
    } while (skip(","));
    return skip("}") ? members : fail("a comma or a brace was expected");
  }

  function array(depth) {
    const items = [];
    if (skip("]")) return items;
    do items.push(value(depth));
    while (skip(","));
    return skip("]") ? items : fail("a comma or a bracket was expected");
  }

  function number() {
    const match = take(NUMBER);
    if (!match) return fail("a value was expected");
    if (match[1] || match[2]) return new Float(Number(match[0]));
    const whole = Number(match[0]);
    return Number.isSafeInteger(whole) ? (whole === 0 ? 0 : whole) : BigInt(match[0]);
  }

  function value(depth) {
    if (depth > MOST_DEPTH) fail("it is nested too deeply");
    take(SPACE);
    if (skip("{")) return object(depth + 1);
    if (skip("[")) return array(depth + 1);
    if (text[at] === '"') return string();
    for (const [word, meaning] of Object.entries(WORDS)) {
      if (text.startsWith(word, at)) {
        at += word.length;
        return meaning;
      }
    }
    return number();
  }

  const read = value(0);
  take(SPACE);
  return at === text.length ? read : fail("the text goes on after its value");
}

// The one byte form of a value (RFC 8785): members sorted by UTF-16, numbers as ECMAScript writes them.
export function canonical(value) {
  if (value instanceof Map) {
    const names = [...value.keys()].sort((a, b) => (a < b ? -1 : 1));
    return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value.get(name))}`).join(",")}}`;
  }
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value instanceof Float) return JSON.stringify(value.value);
  if (typeof value === "bigint") return `"${value}"`;
  return JSON.stringify(value);
}
