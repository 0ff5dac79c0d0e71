export { BlobStore, type StagedBlob } from './blobStore';
export { originalKey } from './keys';
