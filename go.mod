module github.com/bandish/bandish

go 1.26
