export { charsetOf } from './charset';
export { EncodingDetector } from './encoding';
export { readTextPages } from './openText';
export * from './types';
