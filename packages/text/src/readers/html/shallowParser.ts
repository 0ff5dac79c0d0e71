import { Parser } from 'htmlparser2';

/** Far above the 512 of browsers. It bounds the parser's time, which grows with the square of the depth. */
const maxDepth = 5_000;
/** Elements whose content the parser takes as text, up to their end tag. */
const rawNames = new Set(['script', 'style', 'title', 'textarea', 'xmp']);

/**
 * Takes tags that are nested too deeply as tags without content, and ignores their end tags. So their text is read as part
 * of the element around them. The handlers must call `enter` and `leave`.
 */
export class ShallowParser extends Parser {
  /** How many elements are open. */
  private openElements = 0;
  private isEntering = false;

  /** Call it for each opened element, before anything else. */
  enter(): void {
    this.openElements++;
    this.isEntering = true;
  }

  /** Call it for each closed element. */
  leave(): void {
    this.openElements--;
    this.isEntering = false;
  }

  /** The parser asks once before it opens an element, and once after. The answer must be the same. */
  protected override isVoidElement(name: string): boolean {
    const depth = this.isEntering ? this.openElements - 1 : this.openElements;
    this.isEntering = false;
    return super.isVoidElement(name) || (depth >= maxDepth && !rawNames.has(name));
  }
}
