-- Where a worker serves the live view of what it performs.
ALTER TABLE aef.workers ADD COLUMN address text;
