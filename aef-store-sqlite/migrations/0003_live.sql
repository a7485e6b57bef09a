-- Where a worker serves the live view of what it performs.
ALTER TABLE workers ADD COLUMN address TEXT;
