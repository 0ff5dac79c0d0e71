export { type Encoding, EncodingDetector } from './encoding';
export { readTextPages } from './openText';
export * from './types';
