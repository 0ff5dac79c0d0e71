type Attributes = Record<string, string>;

/** Elements that are no text, or that browsers do not show. */
const hiddenNames = new Set([
  'script',
  'style',
  'nav',
  'noscript',
  'template',
  'svg',
  'iframe',
  'object',
  'datalist',
  // What is inside them is for browsers that cannot play or draw.
  'audio',
  'video',
  'canvas',
  // The header of inline XBRL contains megabytes of numbers for machines.
  'ix:header',
]);
const declaration = /(?:^|;)\s*(display|visibility)\s*:\s*([a-z-]+)/gi;

/**
 * Tells which elements a browser shows. Only attributes count; style sheets are not applied. The page itself (`html`,
 * `body`) is always shown: a script may show a page that is hidden at first. A closed `details` counts as shown, because
 * the reader of a page can open it.
 */
export class Visibility {
  private depth = 0;
  /** The depth of the outermost open element that is not displayed; null when none is. */
  private hiddenAt: number | null = null;
  /** The open elements that change the visibility of what is inside them, the outermost first. */
  private readonly changes: { depth: number; isVisible: boolean }[] = [];

  /** True when text is shown where the reader is. */
  get isShown(): boolean {
    return this.hiddenAt === null && this.changes.at(-1)?.isVisible !== false;
  }

  /** Enters an element. */
  open(name: string, attributes: Attributes): void {
    this.depth++;
    if (this.hiddenAt !== null || name === 'html' || name === 'body') {
      return;
    }
    const style = styleOf(attributes.style);
    if (isHiddenName(name, attributes) || (style.display ?? defaultDisplay(name, attributes)) === 'none') {
      this.hiddenAt = this.depth;
    } else if (style.visibility !== undefined) {
      this.changes.push({ depth: this.depth, isVisible: style.visibility === 'visible' });
    }
  }

  /** Leaves the innermost open element. */
  close(): void {
    if (this.hiddenAt === this.depth) {
      this.hiddenAt = null;
    }
    if (this.changes.at(-1)?.depth === this.depth) {
      this.changes.pop();
    }
    this.depth--;
  }
}

function isHiddenName(name: string, attributes: Attributes): boolean {
  // The content of such a template is shown in the place of its parent's.
  return hiddenNames.has(name) && !(name === 'template' && 'shadowrootmode' in attributes);
}

/** How an element is displayed without a style of its own. */
function defaultDisplay(name: string, attributes: Attributes): string {
  const isClosed = (name === 'dialog' && !('open' in attributes)) || 'popover' in attributes;
  // What is hidden until it is found is shown to a reader who searches.
  const isHidden = 'hidden' in attributes && attributes.hidden?.toLowerCase() !== 'until-found';
  return isClosed || isHidden ? 'none' : 'shown';
}

/** The last values of a style attribute for display and visibility. */
function styleOf(style: string | undefined): { display?: string; visibility?: string } {
  const values: { display?: string; visibility?: string } = {};
  for (const [, property = '', value = ''] of style?.matchAll(declaration) ?? []) {
    if (property.toLowerCase() === 'display') {
      values.display = value.toLowerCase();
    } else if (/^(?:visible|hidden|collapse)$/i.test(value)) {
      values.visibility = value.toLowerCase();
    }
  }
  return values;
}
