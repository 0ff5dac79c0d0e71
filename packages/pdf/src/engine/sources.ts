import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const blockBytes = 64 * 1024;
const maxBlocks = 64;

/** Bytes that the engine reads. */
export interface Source {
  readonly size: number;
  /** The error of a failed read, or null. The engine only learns that a read failed. */
  readonly error: unknown;
  /** How many bytes the engine has read. */
  readonly delivered: number;
  /** Copies `target.length` bytes from `position` on. Returns false when there are fewer bytes. */
  read(position: number, target: Uint8Array): boolean;
  /** Adds bytes that the engine reads after the others. Call it while the engine has no document open. */
  append(bytes: Buffer): void;
  close(): void;
}

/** A file in memory. */
export class BytesSource implements Source {
  readonly error = null;
  delivered = 0;

  constructor(private bytes: Buffer) {}

  get size(): number {
    return this.bytes.length;
  }

  read(position: number, target: Uint8Array): boolean {
    const found = this.bytes.subarray(position, position + target.length);
    target.set(found);
    this.delivered += found.length;
    return found.length === target.length;
  }

  append(bytes: Buffer): void {
    this.bytes = Buffer.concat([this.bytes, bytes]);
  }

  close(): void {
    this.bytes = Buffer.alloc(0);
  }
}

/**
 * A file on the disk, read in blocks, so that memory does not grow with the file. The engine asks for a few hundred bytes at a
 * time. A cache of 4 MiB makes few system calls of that.
 */
export class FileSource implements Source {
  error: unknown = null;
  delivered = 0;
  private readonly fd: number;
  private readonly fileSize: number;
  private readonly blocks = new Map<number, Buffer>();

  /** @param appendix Bytes that the engine reads after the file's own bytes. */
  constructor(
    path: string,
    private appendix: Buffer,
  ) {
    this.fd = openSync(path, 'r');
    this.fileSize = fstatSync(this.fd).size;
  }

  get size(): number {
    return this.fileSize + this.appendix.length;
  }

  read(position: number, target: Uint8Array): boolean {
    if (position < 0 || position + target.length > this.size) {
      return false;
    }
    try {
      let done = 0;
      while (done < target.length) {
        const at = position + done;
        const block = this.block(Math.floor(at / blockBytes));
        const offset = at % blockBytes;
        const piece = block.subarray(offset, Math.min(block.length, offset + target.length - done));
        if (piece.length === 0) {
          return false;
        }
        target.set(piece, done);
        done += piece.length;
      }
      this.delivered += done;
      return true;
    } catch (error) {
      this.error = error;
      return false;
    }
  }

  append(bytes: Buffer): void {
    this.appendix = Buffer.concat([this.appendix, bytes]);
    // The last block ends with the old appendix.
    this.blocks.clear();
  }

  close(): void {
    this.blocks.clear();
    closeSync(this.fd);
  }

  private block(number: number): Buffer {
    const cached = this.blocks.get(number);
    if (cached !== undefined) {
      return cached;
    }
    const buffer = this.freeBuffer();
    const start = number * blockBytes;
    let length = readSync(this.fd, buffer, 0, blockBytes, start);
    if (start + length >= this.fileSize) {
      length += this.appendix.copy(buffer, length, start + length - this.fileSize);
    }
    const block = buffer.subarray(0, length);
    this.blocks.set(number, block);
    return block;
  }

  /** A buffer for a block: that of the oldest block once the cache is full, else a new one. */
  private freeBuffer(): Buffer {
    const [oldest] = this.blocks.size >= maxBlocks ? this.blocks : [];
    if (oldest === undefined) {
      return Buffer.allocUnsafe(blockBytes);
    }
    this.blocks.delete(oldest[0]);
    return oldest[1].length === blockBytes ? oldest[1] : Buffer.allocUnsafe(blockBytes);
  }
}
