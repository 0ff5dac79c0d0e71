import { lookup } from 'node:dns/promises';
import { MillraceError } from '@millrace/contracts';
import { type IPv4, type IPv6, parse, parseCIDR } from 'ipaddr.js';

/** Finds all addresses of a host name. */
export type Resolve = (hostname: string) => Promise<string[]>;

/** Which addresses may be fetched. */
export interface FetchPolicy {
  /** Networks that are allowed though they are not public, such as 10.0.0.0/8. */
  allow: readonly string[];
  ports: readonly number[];
  /** The system's resolver when left out. */
  resolve?: Resolve;
}

/** Addresses that are public by their number and belong to the inside of a cloud: Azure's host. */
const innerAddresses = new Set(['168.63.129.16']);
const [globalNetwork, globalLength] = parseCIDR('2000::/3');

/**
 * Checks an address that somebody gave, before any of it is looked up.
 * @throws MillraceError URL_INVALID, or URL_BLOCKED for a port that is not allowed
 */
export function checkUrl(text: string, { ports }: FetchPolicy, base?: URL): URL {
  const url = URL.canParse(text, base?.href) ? new URL(text, base?.href) : null;
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new MillraceError('URL_INVALID', 'The address must begin with http:// or https://.');
  }
  if (url.username !== '' || url.password !== '') {
    throw new MillraceError('URL_INVALID', 'The address must not hold a user name or a password.');
  }
  if (!ports.includes(portOf(url))) {
    throw new MillraceError('URL_BLOCKED', `The port ${portOf(url)} is not allowed.`);
  }
  return url;
}

/** Returns the port of an address, also where the scheme implies it. */
export function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}

/**
 * Finds the addresses of the host to which a connection may be made. The caller must connect to one of these and not look the name up
 * again: the next answer can be another.
 * @throws MillraceError URL_UNRESOLVED or URL_BLOCKED
 */
export async function allowedAddresses(url: URL, { allow, resolve = systemResolve }: FetchPolicy): Promise<string[]> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const addresses = isAddress(host) ? [host] : await resolved(host, resolve);
  const allowed = addresses.filter((address) => isAllowed(address, allow));
  if (allowed.length === 0) {
    // It does not say which address it is: a name must not tell about the network inside.
    throw new MillraceError('URL_BLOCKED', 'The address leads into a network that is not allowed.');
  }
  return allowed;
}

async function resolved(host: string, resolve: Resolve): Promise<string[]> {
  const addresses = await resolve(host).catch((error: unknown) => {
    throw new MillraceError('URL_UNRESOLVED', `The host ${host} is not known.`, { cause: error });
  });
  if (addresses.length === 0) {
    throw new MillraceError('URL_UNRESOLVED', `The host ${host} has no address.`);
  }
  return addresses;
}

async function systemResolve(hostname: string): Promise<string[]> {
  return (await lookup(hostname, { all: true })).map(({ address }) => address);
}

function isAddress(host: string): boolean {
  try {
    parse(host);
    return true;
  } catch {
    return false;
  }
}

/** True for a public address, and for one in an allowed network. */
export function isAllowed(address: string, allow: readonly string[]): boolean {
  if (!isAddress(address)) {
    return false;
  }
  const parsed = parse(address);
  return allow.some((network) => isWithin(parsed, network)) || isPublic(parsed);
}

function isWithin(address: IPv4 | IPv6, network: string): boolean {
  const [base, length] = network.includes('/') ? parseCIDR(network) : wholeAddress(network);
  return address.kind() === base.kind() && address.match([base, length] as [IPv4, number] & [IPv6, number]);
}

function wholeAddress(text: string): [IPv4 | IPv6, number] {
  const address = parse(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

/** Only plain unicast is public. Forms of IPv6 that hold an IPv4 address (mapped, NAT64, 6to4, Teredo) have a range of their own. */
function isPublic(address: IPv4 | IPv6): boolean {
  if (address.range() !== 'unicast' || innerAddresses.has(address.toString())) {
    return false;
  }
  return address.kind() === 'ipv4' || (address as IPv6).match([globalNetwork as IPv6, globalLength]);
}
