# Rasch difficulties by conditional maximum likelihood (eRm), from the responses of an attempt-api.
# Rscript rasch.R URL [SELECTION [TRUTH.csv]]    SELECTION as in the URL: 'min_per_item=30&min_per_student=5'
suppressPackageStartupMessages({ library(curl); library(jsonlite); library(eRm) })
arguments <- commandArgs(trailingOnly = TRUE)
if (length(arguments) < 1) stop("usage: Rscript rasch.R URL [SELECTION [TRUTH.csv]]")
service <- arguments[1]
selection <- if (length(arguments) > 1) arguments[2] else ""

key <- Sys.getenv("ATTEMPT_API_KEY")
handle <- new_handle()
if (key != "") handle_setheaders(handle, Authorization = paste("Bearer", key))

# curl raises an error if a stream is aborted
fetch <- function(path) {
  file <- tempfile()
  answer <- curl_fetch_disk(paste0(service, path), file, handle = handle)
  if (answer$status_code != 200) stop(path, ": ", answer$status_code, " ", fromJSON(file)$detail)
  # headers and, after an empty line, the trailer
  headers <- unlist(parse_headers(answer$headers, multiple = TRUE))
  header <- function(name) {
    as.integer(sub(".*: ", "", grep(paste0("^", name, ":"), headers, ignore.case = TRUE, value = TRUE)))
  }
  list(file = file, columns = header("attempt-columns"), rows = header("attempt-rows"))
}

# conditional maximum likelihood works with no problem of the severity refuses
ready <- fromJSON(fetch(paste0("/v1/irt/readiness?", selection))$file)
problems <- ready$problems
for (row in seq_len(NROW(problems))) message(problems$severity[row], ": ", problems$detail[row])
if (any(problems$severity == "refuses")) stop("these responses cannot be calibrated")

# item ids have 64 bits, more than R's numbers hold. As names of columns they stay text
wide <- fetch(paste0("/v1/irt/responses?layout=wide&", selection))
responses <- read.csv(wide$file, check.names = FALSE, colClasses = c("character", rep("integer", wide$columns)))
# a proxy may have removed the trailer
if (any(nrow(responses) != c(ready$students, wide$rows))) {
  stop("received another number of students than announced: set until, and run again")
}
responses <- as.matrix(responses[, -1])

fit <- RM(responses, sum0 = TRUE)
result <- data.frame(
  item_id = sub("item_", "", colnames(responses), fixed = TRUE), n = colSums(!is.na(responses)),
  p = colMeans(responses, na.rm = TRUE), difficulty = -fit$betapar, se = fit$se.beta
)
cat(sprintf("%20s %7s %7s %10s %7s\n", "item_id", "n", "p", "difficulty", "se"))
cat(with(result, sprintf("%20s %7d %7.4f %10.4f %7.4f\n", item_id, n, p, difficulty, se)), sep = "")

if (length(arguments) > 2) {
  truth <- read.csv(arguments[3], colClasses = c(item_id = "character"))
  truth <- truth[match(result$item_id, truth$item_id), ]
  for (column in grep("_c$", names(truth), value = TRUE)) {
    cat(sprintf("largest difference to %s: %.6f\n", column, max(abs(result$difficulty - truth[[column]]))))
  }
}
