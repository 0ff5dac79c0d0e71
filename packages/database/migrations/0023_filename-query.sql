-- Up Migration

-- The query for names in which each word begins a word of the name. As an immutable function it is computed before the
-- statement is planned. So the planner knows how common the words are, and goes through the newest documents for common ones.
CREATE FUNCTION filename_query(words text) RETURNS tsquery LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  $$ SELECT string_agg(quote_literal(word) || ':*', ' & ')::tsquery FROM unnest(filename_words(words)) AS word $$;

-- Down Migration

DROP FUNCTION filename_query(text);
