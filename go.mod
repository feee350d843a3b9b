module ucid

go 1.25
