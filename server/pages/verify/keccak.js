// Keccak-256 as Ethereum has it (not NIST's SHA3-256), which browsers do not bring along.

const RATE = 136;
const MASK = (1n << 64n) - 1n;

// Rotations in the order of the walk below, and the round constants, both as the specification makes them.
const ROTATIONS = Array.from({ length: 24 }, (_, at) => BigInt(((at + 1) * (at + 2)) / 2 % 64));
const CONSTANTS = roundConstants();

export function keccak256(bytes) {
  const padded = new Uint8Array(Math.floor(bytes.length / RATE + 1) * RATE);
  padded.set(bytes);
  padded[bytes.length] = 0x01;
  padded[padded.length - 1] |= 0x80;
  const words = new DataView(padded.buffer);
  const state = new Array(25).fill(0n);
  for (let block = 0; block < padded.length; block += RATE) {
    for (let at = 0; at < RATE / 8; at++) state[at] ^= words.getBigUint64(block + 8 * at, true);
    permute(state);
  }
  const digest = new DataView(new ArrayBuffer(32));
  for (let at = 0; at < 4; at++) digest.setBigUint64(8 * at, state[at], true);
  return new Uint8Array(digest.buffer);
}

const rotated = (word, by) => (by ? ((word << by) | (word >> (64n - by))) & MASK : word);

function permute(state) {
  for (const constant of CONSTANTS) {
    const columns = [0, 1, 2, 3, 4].map((x) => [0, 5, 10, 15, 20].reduce((sum, row) => sum ^ state[x + row], 0n));
    for (let at = 0; at < 25; at++) {
      state[at] ^= columns[(at + 4) % 5] ^ rotated(columns[(at + 1) % 5], 1n);
    }
    let [x, y, moving] = [1, 0, state[1]];
    for (const rotation of ROTATIONS) {
      [x, y] = [y, (2 * x + 3 * y) % 5];
      const next = state[x + 5 * y];
      state[x + 5 * y] = rotated(moving, rotation);
      moving = next;
    }
    for (let row = 0; row < 25; row += 5) {
      const [...lane] = state.slice(row, row + 5);
      for (let at = 0; at < 5; at++) state[row + at] = lane[at] ^ (~lane[(at + 1) % 5] & MASK & lane[(at + 2) % 5]);
    }
    state[0] ^= constant;
  }
}

// FIPS 202 section 3.2.5: bits of a linear feedback shift register at the places 2^j - 1.
function roundConstants() {
  let register = 1;
  return Array.from({ length: 24 }, () => {
    let constant = 0n;
    for (let j = 0; j < 7; j++) {
      if (register & 1) constant |= 1n << ((1n << BigInt(j)) - 1n);
      register = register & 0x80 ? ((register << 1) ^ 0x71) & 0xff : register << 1;
    }
    return constant;
  });
}
