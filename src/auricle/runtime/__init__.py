"""Services under every room: parallel maps, cluster engines, shards, atomic files, and the clock."""
