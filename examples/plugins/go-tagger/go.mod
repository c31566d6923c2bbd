module example.com/go-tagger

go 1.21
