declare module 'wink-porter2-stemmer' {
  /** Returns the stem of a word by Porter2, the English Snowball stemmer (Porter 2001). */
  function stem(word: string): string;
  export = stem;
}
