package kit

// Version is the version of the software, as measurements name it.
const Version = "0.1.0"
