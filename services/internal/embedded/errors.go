package embedded

import "errors"

var (
	// ErrNoRedis says that no redis-server is installed. StartMiniredis needs none.
	ErrNoRedis = errors.New("redis-server is not installed")
	// ErrNoPostfix says that no Postfix is installed.
	ErrNoPostfix = errors.New("postfix is not installed")
	// ErrNotRoot says that a server starts as root only.
	ErrNotRoot = errors.New("starts as root only")
	// ErrAddressTaken says that something else listens where the server was told to.
	ErrAddressTaken = errors.New("address is already in use")
	// ErrFolderTaken says that another running server keeps its data in the folder.
	ErrFolderTaken = errors.New("data folder is in use by another process")
	// ErrClosed is what Err gives for a server that was closed by Close.
	ErrClosed = errors.New("server closed")
)
