// A tagger in Go: puts a tag before the text of a conversation's first message, where that begins with one, and says so
// in the request's log.
//
//	{"name": "go-tagger", "path": "./go_tagger.so", "config": {"tag": "[internal] "}}
package main

// #cgo CFLAGS: -I${SRCDIR}/../../../include
// #include "shim.h"
import "C"

import (
	"encoding/json"
	"fmt"
	"runtime/cgo"
	"unsafe"
)

// An instance.
type tagger struct {
	Tag string `json:"tag"`
}

const firstText = "messages/0/blocks/0/content/text"

// slice lends a text to the host for one call. It copies it out of Go's memory, which cgo does not let it keep.
func slice(text string) (C.gatewright_slice, func()) {
	bytes := C.CBytes([]byte(text))
	return C.gatewright_slice{ptr: (*C.uint8_t)(bytes), len: C.size_t(len(text))}, func() { C.free(bytes) }
}

func fail(call C.gatewright_call, status C.gatewright_status, message string) C.gatewright_status {
	said, free := slice(message)
	defer free()
	C.tagger_fail(call, said)
	return status
}

// caught tells a panic to the host: none may leave a function that C calls.
func caught(call C.gatewright_call, status *C.gatewright_status) {
	if panicked := recover(); panicked != nil {
		*status = fail(call, C.GATEWRIGHT_PANIC, fmt.Sprint(panicked))
	}
}

//export taggerCreate
func taggerCreate(call C.gatewright_call, config *C.uint8_t, length C.size_t, made *C.uintptr_t) (status C.gatewright_status) {
	defer caught(call, &status)
	text := C.GoBytes(unsafe.Pointer(config), C.int(length))
	instance := &tagger{Tag: "[tagged] "}
	if err := json.Unmarshal(text, instance); err != nil {
		return fail(call, C.GATEWRIGHT_ERROR, "its config: "+err.Error())
	}
	*made = C.uintptr_t(cgo.NewHandle(instance))
	return C.GATEWRIGHT_OK
}

//export taggerDestroy
func taggerDestroy(instance C.uintptr_t) {
	cgo.Handle(instance).Delete()
}

//export taggerPreLlm
func taggerPreLlm(instance C.uintptr_t, call C.gatewright_call) (status C.gatewright_status) {
	defer caught(call, &status)
	tag := cgo.Handle(instance).Value().(*tagger).Tag
	path, freePath := slice(firstText)
	defer freePath()
	var found C.gatewright_slice
	if status := C.tagger_get_text(call, path, &found); status == C.GATEWRIGHT_MISSING {
		return C.GATEWRIGHT_OK
	} else if status != C.GATEWRIGHT_OK {
		return status
	}
	text := string(C.GoBytes(unsafe.Pointer(found.ptr), C.int(found.len)))
	tagged, freeTagged := slice(tag + text)
	defer freeTagged()
	if status := C.tagger_set_text(call, path, tagged); status != C.GATEWRIGHT_OK {
		return status
	}
	key, freeKey := slice("tagged")
	defer freeKey()
	value, freeValue := slice(tag)
	defer freeValue()
	return C.tagger_metadata_set(call, key, value)
}

func main() {}
