// Verifier checks what Spanledger writes with the Go project's own transparency-log packages, which share no code
// with Spanledger.
//
//	verifier verify <directory> <vkey>   checkpoint, tiles, entries, receipts and consistency proofs of a tlog-tiles log
//	verifier sign <skey>                 signs the text on standard input
package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

func main() {
	var err error
	switch {
	case len(os.Args) == 4 && os.Args[1] == "verify":
		err = verify(os.Args[2], os.Args[3])
	case len(os.Args) == 3 && os.Args[1] == "sign":
		err = sign(os.Args[2])
	default:
		err = errors.New("usage: verifier verify <directory> <vkey> | verifier sign <skey>")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func sign(skey string) error {
	signer, err := note.NewSigner(skey)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	message, err := note.Sign(&note.Note{Text: string(text)}, signer)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(message)
	return err
}

func verify(directory, vkey string) error {
	message, err := os.ReadFile(filepath.Join(directory, "checkpoint"))
	if err != nil {
		return err
	}
	tree, err := openCheckpoint(message, vkey)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	hashes := tlog.TileHashReader(tree, tiles(directory))
	for _, tile := range tilesOf(tree.N) {
		if err := verifyTile(directory, tile, hashes); err != nil {
			return fmt.Errorf("%s: %w", tilePath(tile), err)
		}
	}
	receipts, err := verifyReceipts(directory, vkey, hashes)
	if err != nil {
		return err
	}
	proofs, err := verifyConsistency(directory, tree, hashes)
	if err != nil {
		return err
	}
	fmt.Printf("%d entries, %d receipts, %d consistency proofs\n", tree.N, receipts, proofs)
	return nil
}

// openCheckpoint verifies the signature of a checkpoint (C2SP tlog-checkpoint), and reads its tree.
func openCheckpoint(message []byte, vkey string) (tree tlog.Tree, err error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tree, err
	}
	opened, err := note.Open(message, note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	// The first line is the log's name, where the Go checksum database has a constant.
	_, rest, _ := strings.Cut(opened.Text, "\n")
	return tlog.ParseTree([]byte("go.sum database tree\n" + rest))
}

// tilesOf lists the tiles of a tree of n entries: full ones, and at the end of each level the one that is partial.
// (tlog.NewTiles lists, depending on its version, every width that the partial one ever had.)
func tilesOf(n int64) []tlog.Tile {
	var all []tlog.Tile
	for level := 0; n > 0; level++ {
		for i := int64(0); i<<tileHeight < n; i++ {
			tile := tlog.Tile{H: tileHeight, L: level, N: i, W: 1 << tileHeight}
			if left := n - i<<tileHeight; left < 1<<tileHeight {
				tile.W = int(left)
			}
			all = append(all, tile)
		}
		n >>= tileHeight
	}
	return all
}

// tiles reads the tiles of a directory.
type tiles string

func (directory tiles) Height() int { return tileHeight }

func (directory tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(wanted))
	for i, tile := range wanted {
		var err error
		if data[i], err = os.ReadFile(filepath.Join(string(directory), tilePath(tile))); err != nil {
			return nil, err
		}
	}
	return data, nil
}

func (directory tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// tilePath is a tile's path by C2SP tlog-tiles, where the height is always 8 and left out.
func tilePath(tile tlog.Tile) string {
	path := strings.TrimPrefix(tile.Path(), "tile/8/")
	return "tile/" + strings.Replace(path, "data/", "entries/", 1)
}

// verifyTile compares a tile, and the entries behind a tile of level 0, with hashes that lead to the tree's root.
func verifyTile(directory string, tile tlog.Tile, hashes tlog.HashReader) error {
	proved, err := tlog.ReadTileData(tile, hashes)
	if err != nil {
		return err
	}
	stored, err := os.ReadFile(filepath.Join(directory, tilePath(tile)))
	if err != nil {
		return err
	}
	if string(stored) != string(proved) {
		return errors.New("holds other hashes than the tree")
	}
	if tile.L > 0 {
		return nil
	}
	bundle, err := os.ReadFile(filepath.Join(directory, tilePath(tlog.Tile{H: tile.H, L: -1, N: tile.N, W: tile.W})))
	if err != nil {
		return err
	}
	for i := 0; i < tile.W; i++ {
		if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
			return fmt.Errorf("the bundle ends before entry %d", i)
		}
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		hash := tlog.RecordHash(bundle[2:end])
		if string(hash[:]) != string(stored[i*tlog.HashSize:(i+1)*tlog.HashSize]) {
			return fmt.Errorf("entry %d was altered", i)
		}
		bundle = bundle[end:]
	}
	if len(bundle) > 0 {
		return errors.New("the bundle has more entries than the tile")
	}
	return nil
}

// verifyReceipts checks every receipt (C2SP tlog-proof) of the directory against the entry at its index.
func verifyReceipts(directory, vkey string, hashes tlog.HashReader) (int, error) {
	paths, err := filepath.Glob(filepath.Join(directory, "*.tlog-proof"))
	if err != nil {
		return 0, err
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return 0, err
		}
		if err := verifyReceipt(string(data), vkey, hashes); err != nil {
			return 0, fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
	}
	return len(paths), nil
}

func verifyReceipt(receipt, vkey string, hashes tlog.HashReader) error {
	head, checkpoint, _ := strings.Cut(receipt, "\n\n")
	lines := strings.Split(head, "\n")
	if len(lines) > 2 && strings.HasPrefix(lines[1], "extra ") {
		// Whatever else the issuer put in: Spanledger's command line, the bytes of the entry.
		entry, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
		if err != nil {
			return err
		}
		lines = append(lines[:1], lines[2:]...)
		index, _ := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
		leaf, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
		if err != nil {
			return err
		}
		if leaf[0] != tlog.RecordHash(entry) {
			return errors.New("its entry is not the one at its index")
		}
	}
	if len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("is no receipt")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return err
	}
	proof, err := parseHashes(lines[2:])
	if err != nil {
		return err
	}
	tree, err := openCheckpoint([]byte(checkpoint), vkey)
	if err != nil {
		return err
	}
	leaf, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaf[0])
}

// verifyConsistency checks every proof of consistency.json: that an older tree is the beginning of the log's.
func verifyConsistency(directory string, tree tlog.Tree, hashes tlog.HashReader) (int, error) {
	data, err := os.ReadFile(filepath.Join(directory, "consistency.json"))
	if err != nil {
		return 0, err
	}
	var proofs []struct {
		Size  int64
		Root  string
		Proof []string
	}
	if err := json.Unmarshal(data, &proofs); err != nil {
		return 0, err
	}
	for _, older := range proofs {
		proof, err := parseHashes(older.Proof)
		if err != nil {
			return 0, err
		}
		root, err := tlog.ParseHash(older.Root)
		if err != nil {
			return 0, err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, older.Size, root); err != nil {
			return 0, fmt.Errorf("consistency with %d entries: %w", older.Size, err)
		}
		own, err := tlog.TreeHash(older.Size, hashes)
		if err != nil {
			return 0, err
		}
		if own != root {
			return 0, fmt.Errorf("the root of %d entries is another", older.Size)
		}
	}
	return len(proofs), nil
}

func parseHashes(lines []string) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(lines))
	for i, line := range lines {
		data, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(data) != tlog.HashSize {
			return nil, fmt.Errorf("%q is no hash", line)
		}
		copy(hashes[i][:], data)
	}
	return hashes, nil
}
