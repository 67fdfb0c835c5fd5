package kit

// Version is the version of the software that measurements name.
const Version = "0.1.0"
