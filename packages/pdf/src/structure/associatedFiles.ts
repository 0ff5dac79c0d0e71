import type { Structure } from './structure';
import { Dictionary, Reference, type Value, write } from './values';

/** A file with more objects is not searched. */
const maxObjects = 300_000;
/** Hostile files have trees without end. */
const maxNodes = 10_000;
const maxFiles = 1_000;

/**
 * The objects that add associated files (ISO 32000-2, 14.13) to the document's list of files, because the engine knows only
 * that list and annotations. Files that are in the list are not added.
 */
export function associatedFiles(structure: Structure): Map<number, string> {
  const root = structure.table.trailer.get('Root');
  const { catalog } = structure;
  if (!(root instanceof Reference) || !catalog || structure.table.size > maxObjects || !mayHaveFiles(structure)) {
    return new Map();
  }
  const names = structure.dictionary(catalog.get('Names')) ?? new Dictionary();
  const tree = names.get('EmbeddedFiles');
  const added = unlistedFiles(structure, tree);
  if (added.length === 0) {
    return new Map();
  }
  const first = structure.table.size;
  const [list, old, files] = [0, 1, 2].map((index) => new Reference(first + index, 0)) as [
    Reference,
    Reference,
    Reference,
  ];
  const newNames = new Dictionary(names).set('EmbeddedFiles', list);
  const kids = tree === undefined ? [files] : [tree instanceof Reference ? tree : old, files];
  const entries = added.flatMap((file, index) => [Buffer.from(`associated ${index}`, 'latin1'), file]);
  const bodies = new Map([
    [list.number, write(new Dictionary([['Kids', kids]]))],
    [old.number, write(tree === undefined || tree instanceof Reference ? null : tree)],
    [files.number, write(new Dictionary([['Names', entries]]))],
  ]);
  const place = catalog.get('Names');
  return place instanceof Reference
    ? bodies.set(place.number, write(newNames))
    : bodies.set(root.number, write(new Dictionary(catalog).set('Names', newNames)));
}

/** True when the catalog says that files are associated, or the file follows a standard with associated files. */
function mayHaveFiles(structure: Structure): boolean {
  const { catalog } = structure;
  return catalog?.has('AF') === true || structure.version.startsWith('2.') || archivePart.test(metadataOf(structure));
}

/** PDF/A-3 and PDF/A-4 have associated files. */
const archivePart = /pdfaid:part(?:>|\s*=\s*["'])\s*[34]/u;

function metadataOf(structure: Structure): string {
  return structure.data(structure.catalog?.get('Metadata'))?.toString('latin1') ?? '';
}

/** What names the associated files, without those that are in the tree. */
function unlistedFiles(structure: Structure, tree: Value | undefined): Value[] {
  const listed = new Set<number>();
  const nodes: (Value | undefined)[] = [tree];
  for (let visited = 0; nodes.length > 0 && visited < maxNodes; visited++) {
    const node = structure.dictionary(nodes.pop());
    nodes.push(...structure.array(node?.get('Kids')).slice(0, maxNodes));
    for (const value of structure.array(node?.get('Names'))) {
      if (value instanceof Reference) {
        listed.add(value.number);
      }
    }
  }
  const found: Value[] = [];
  for (const number of structure.numbers()) {
    const object = structure.object(number);
    for (const file of object instanceof Dictionary ? structure.array(object.get('AF')) : []) {
      const isNew = !(file instanceof Reference) || !listed.has(file.number);
      if (isNew && found.length < maxFiles && structure.dictionary(structure.dictionary(file)?.get('EF')) !== null) {
        found.push(file);
        if (file instanceof Reference) {
          listed.add(file.number);
        }
      }
    }
  }
  return found;
}
