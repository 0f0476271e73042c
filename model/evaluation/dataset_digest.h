// What a data set is, in one number: results and reports are bound to it.
#ifndef BAYESPFL_MODEL_EVALUATION_DATASET_DIGEST_H_
#define BAYESPFL_MODEL_EVALUATION_DATASET_DIGEST_H_

#include <string>

#include "base/sha256.h"
#include "model/evaluation/dataset.h"

namespace bayespfl {

// Adds what the data set says of the picture: names, category and label, not the files' contents.
void AddToDigest(const DatasetItem& item, Sha256& digest);

// SHA-256 over all items, hexadecimal.
std::string ListingDigest(const Dataset& dataset);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_DATASET_DIGEST_H_
