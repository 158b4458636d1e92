CREATE TABLE items (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  owner text NOT NULL,
  name text NOT NULL,
  attributes jsonb NOT NULL,
  version integer NOT NULL DEFAULT 1,
  idempotency_key text,
  request_hash text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT items_owner_name_key UNIQUE (owner, name),
  CONSTRAINT items_owner_idempotency_key_key UNIQUE (owner, idempotency_key)
);

-- A page is read by this order.
CREATE INDEX items_page ON items (owner, created_at DESC, id DESC);
