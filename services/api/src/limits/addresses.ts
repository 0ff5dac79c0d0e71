import type { Request } from 'express';
import { parse } from 'ipaddr.js';

/** How many groups of an IPv6 address name a network. One client has all addresses below it. */
const networkGroups = 4;

/** Returns the address of the client, with TRUST_PROXY that which a trusted proxy has seen. An IPv4 address is written as such. */
export function addressOf(request: Request): string {
  const address = request.ip ?? request.socket.remoteAddress;
  // A connection that is closed has no address.
  return address === undefined ? 'unknown' : plainAddress(address);
}

/** Returns what limits count for an address: an IPv4 address, or the first 64 bits of an IPv6 address. */
export function networkOf(address: string): string {
  try {
    const parsed = parse(address);
    return 'parts' in parsed ? `${parsed.parts.slice(0, networkGroups).map(hexadecimal).join(':')}::` : address;
  } catch {
    return address;
  }
}

function plainAddress(address: string): string {
  try {
    const parsed = parse(address);
    return 'parts' in parsed && parsed.isIPv4MappedAddress() ? parsed.toIPv4Address().toString() : address;
  } catch {
    // A trusted proxy may send anything, and the text goes into logs and rows.
    return 'unknown';
  }
}

function hexadecimal(group: number): string {
  return group.toString(16);
}
